// What a program tells whoever runs it, beside its output: a JSON document in /metadata. For Deno and Bun.
import { readFileSync, writeFileSync } from "node:fs";

const FILE = "/metadata/.quartermaster_metadata.json";

/** What was stored, or one entry of it; null and undefined where there is nothing. */
export function getMetadata(key?: string): any {
  let data: any = null;
  try {
    data = JSON.parse(readFileSync(FILE, "utf8"));
  } catch {
    // nothing was stored yet
  }
  return key === undefined ? data : data?.[key];
}

/** setMetadata(data) stores data; setMetadata(key, value) adds to what is stored. */
export function setMetadata(...what: [data: any] | [key: string, value: any]): void {
  const data = what.length > 1 ? { ...getMetadata(), [what[0]]: what[1] } : what[0];
  writeFileSync(FILE, JSON.stringify(data));
}

export { getMetadata as get_metadata, setMetadata as set_metadata };
