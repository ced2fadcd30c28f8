/** Which compression of a model the page has no decoder for. */

const MAGIC = 0x46546c67;
const JSON_CHUNK = 0x4e4f534a;
const HEADER = 12;
const CHUNK = 8;

interface Document {
  extensionsUsed?: unknown;
  extensionsRequired?: unknown;
}

/** Extensions of glTF: what people call them, and the list that says they cannot be done without. */
const UNREADABLE: readonly [extension: string, name: string, list: keyof Document][] = [
  ["KHR_draco_mesh_compression", "Draco", "extensionsUsed"], // three refuses it also where it is optional
  ["KHR_texture_basisu", "KTX2", "extensionsRequired"],
];

/** A sentence that names what a GLB or glTF file is compressed with; undefined where it can be read. */
export function compressed(data: ArrayBuffer): string | undefined {
  const model = documentOf(data);
  const has = (list: unknown, name: string): boolean => Array.isArray(list) && list.includes(name);
  const found = UNREADABLE.filter(([extension, , list]) => has(model[list], extension));
  if (!found.length) return undefined;
  const names = found.map(([extension, name]) => `${name} (${extension})`).join(" and ");
  return `This model is compressed with ${names}, which this page cannot read: export it without compression.`;
}

/** The JSON of a model; empty where there is none, which the loader then says. */
function documentOf(data: ArrayBuffer): Document {
  try {
    const found: unknown = JSON.parse(new TextDecoder().decode(json(data)));
    return typeof found === "object" && found !== null ? found : {};
  } catch {
    return {};
  }
}

function json(data: ArrayBuffer): ArrayBuffer | Uint8Array {
  const view = new DataView(data);
  if (view.getUint32(0, true) !== MAGIC) return data;
  if (view.getUint32(HEADER + 4, true) !== JSON_CHUNK) return new Uint8Array();
  return new Uint8Array(data, HEADER + CHUNK, view.getUint32(HEADER, true));
}
