"""
What the Redis store does in one step each, as Lua.

KEYS: 1 the session (hash: principal, token, generation, fence, open, interrupted), 2 what was said
(list of JSON), 3 the lock of its turn (``owner:fence``, expires). ``open`` is the fence of the turn
that has begun and not finished. All keys of a session share a hash tag, so a cluster takes them.
"""

LOAD = """
if not redis.call('HGET', KEYS[1], 'principal') then return false end
return {redis.call('HMGET', KEYS[1], 'principal', 'token', 'generation', 'fence', 'interrupted',
                   'open'),
        redis.call('LRANGE', KEYS[2], 0, -1)}
"""
"""-> [fields, messages], or nothing."""

CLAIM = """
local was = redis.call('HMGET', KEYS[1], 'principal', 'token', 'generation', 'fence', 'interrupted',
                       'open')
if not was[2] or was[2] == '' or was[2] ~= ARGV[1] then return false end
if ARGV[3] ~= '' and ARGV[3] ~= was[1] then return false end
local held = redis.call('GET', KEYS[3])
if not held or string.sub(held, 1, 3) ~= '-1:' then
  redis.call('DEL', KEYS[3])
  redis.call('HDEL', KEYS[1], 'open')
  was[6] = false
  was[4] = redis.call('HINCRBY', KEYS[1], 'fence', 1)
end
redis.call('HSET', KEYS[1], 'token', ARGV[2])
was[2] = ARGV[2]
was[3] = redis.call('HINCRBY', KEYS[1], 'generation', 1)
redis.call('PEXPIRE', KEYS[1], ARGV[4])
redis.call('PEXPIRE', KEYS[2], ARGV[4])
return {was, redis.call('LRANGE', KEYS[2], 0, -1)}
"""
"""token, new token, principal or nothing, lifetime -> as LOAD."""

ROTATE = """
if redis.call('HGET', KEYS[1], 'generation') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'token', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return 1
"""
"""generation, new token, lifetime -> 1 when done."""

BEGIN = """
local known = redis.call('HMGET', KEYS[1], 'principal', 'generation')
if not known[1] then return false end
local now = tonumber(known[2])
local owner = tonumber(ARGV[1])
if owner >= 0 and owner < now then return {'superseded', 0} end
local held = redis.call('GET', KEYS[3])
if held and (owner == -1 or tonumber(string.match(held, '^(-?%d+):')) ~= owner) then
  return {'held', redis.call('PTTL', KEYS[3])}
end
local fence = redis.call('HINCRBY', KEYS[1], 'fence', 1)
if held then redis.call('DEL', KEYS[3]) end
redis.call('SET', KEYS[3], owner .. ':' .. fence, 'NX', 'PX', ARGV[3])
redis.call('HSET', KEYS[1], 'open', fence, 'interrupted', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
redis.call('PEXPIRE', KEYS[2], ARGV[4])
return {'begun', fence, redis.call('LRANGE', KEYS[2], 0, -1)}
"""
"""owner, interrupted as JSON or nothing, lock time, lifetime -> [begun, fence, messages] ..."""

RENEW = """
if redis.call('HGET', KEYS[1], 'open') ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[3], ARGV[2] .. ':' .. ARGV[1], 'PX', ARGV[3])
if redis.call('HGET', KEYS[1], 'interrupted') ~= '' then
  redis.call('HSET', KEYS[1], 'interrupted', ARGV[4])
end
redis.call('PEXPIRE', KEYS[1], ARGV[5])
redis.call('PEXPIRE', KEYS[2], ARGV[5])
return 1
"""
"""fence, owner, lock time, interrupted as JSON, lifetime -> 1 when still ours."""

FINISH = """
if redis.call('HGET', KEYS[1], 'open') ~= ARGV[1] then return 0 end
for index = 5, #ARGV do redis.call('RPUSH', KEYS[2], ARGV[index]) end
redis.call('LTRIM', KEYS[2], -tonumber(ARGV[2]), -1)
redis.call('HDEL', KEYS[1], 'open')
redis.call('HSET', KEYS[1], 'interrupted', ARGV[3])
redis.call('DEL', KEYS[3])
redis.call('PEXPIRE', KEYS[1], ARGV[4])
redis.call('PEXPIRE', KEYS[2], ARGV[4])
return 1
"""
"""fence, most messages, interrupted as JSON or nothing, lifetime, messages -> 1 when still ours."""

RESTORE = """
local was = redis.call('HMGET', KEYS[1], 'generation', 'fence')
if was[1] and tonumber(was[1]) > tonumber(ARGV[3]) then return 0 end
local fence = ARGV[4]
if not was[2] or tonumber(was[2]) <= tonumber(fence) then
  redis.call('DEL', KEYS[2])
  for index = 8, #ARGV do redis.call('RPUSH', KEYS[2], ARGV[index]) end
else
  fence = was[2]
end
redis.call('HSET', KEYS[1], 'principal', ARGV[1], 'token', ARGV[2], 'generation', ARGV[3],
           'fence', fence, 'interrupted', ARGV[5])
if ARGV[6] == '1' and fence == ARGV[4] then redis.call('HSET', KEYS[1], 'open', fence) end
redis.call('PEXPIRE', KEYS[1], ARGV[7])
redis.call('PEXPIRE', KEYS[2], ARGV[7])
return 1
"""
"""principal, token, generation, fence, interrupted, open, lifetime, messages -> 1 when newest."""

FORGET = """
local now = redis.call('HGET', KEYS[1], 'generation')
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3])
if now then
  redis.call('HSET', KEYS[1], 'generation', now + 1)
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
end
"""
"""time -> nothing. A generation stays for that time, so that no other Pod writes it again."""

GENERATION = """
local known = redis.call('HMGET', KEYS[1], 'principal', 'generation')
if known[1] then
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
  redis.call('PEXPIRE', KEYS[2], ARGV[1])
end
return known[2]
"""
"""lifetime -> generation, or nothing."""
