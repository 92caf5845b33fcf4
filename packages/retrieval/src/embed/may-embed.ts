import {
  type EmbeddingModel,
  excludedFrom,
  HakiriError,
  LOCAL_ZONE,
  type TableZones,
  type VectorIndexSpec,
} from '@hakiri/core';

/**
 * Whether the texts of an index may be sent to where its model runs; asked before anything is sent.
 * @throws HakiriError embedding.zone_refused
 */
export function mayEmbed(spec: VectorIndexSpec, zones: TableZones, model: EmbeddingModel): void {
  const zone = model.zone ?? LOCAL_ZONE;
  const excluded = excludedFrom(zone, spec.columns, zones);
  if (!excluded.all && excluded.columns.length === 0) return;
  const what = excluded.all ? 'the table' : excluded.columns.map((column) => `"${column}"`).join(', ');
  throw new HakiriError(
    'embedding.zone_refused',
    `the index "${spec.scrubbed?.twinOf ?? spec.name}" would send texts to "${zone}", which inference_zone_allowed of ${what} leaves out`,
    { details: { index: spec.name, model: model.id, zone } },
  );
}
