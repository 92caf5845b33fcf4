export { type JsonSchema, manifestJsonSchema } from './json-schema.ts';
export { type ManifestFormat, parseManifestText } from './parse-manifest-text.ts';
export { type ManifestFile, readManifest, tableNameOf } from './read-manifest.ts';
export { tableZones } from './table-zones.ts';
export { parseByteSize, parseDurationMs, parseRowCount } from './units.ts';
export { toJson, toToml } from './write-manifest.ts';
