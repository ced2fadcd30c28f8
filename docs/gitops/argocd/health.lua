-- Health of DigitalHuman, DigitalHumanBackup and DigitalHumanRestore for Argo CD.
-- Their conditions follow kstatus: Stalled and Reconciling are there only while they are true.
local progressing = { status = "Progressing", message = "waiting for the operator" }

local status = obj.status
if status == nil or status.conditions == nil then
  return progressing
end
-- A new object has conditions from the API server, but no observedGeneration before the operator looks at it.
if status.observedGeneration ~= obj.metadata.generation then
  return progressing
end

local conditions = {}
for _, condition in ipairs(status.conditions) do
  conditions[condition.type] = condition
end
local function is(kind)
  return conditions[kind] ~= nil and conditions[kind].status == "True"
end

if is("Stalled") then
  return { status = "Degraded", message = conditions.Stalled.message }
end
-- Asked for in the spec, so neither broken nor on its way.
local mode = obj.spec ~= nil and obj.spec.mode or nil
if mode == "Paused" then
  return { status = "Suspended", message = "paused: the operator changes nothing" }
end
if is("Reconciling") then
  progressing.message = conditions.Reconciling.message
  return progressing
end
if mode == "Suspended" then
  return { status = "Suspended", message = "suspended: scaled to zero, data kept" }
end
if is("Ready") then
  return { status = "Healthy", message = conditions.Ready.message }
end
if conditions.Ready ~= nil then
  progressing.message = conditions.Ready.message
end
return progressing
