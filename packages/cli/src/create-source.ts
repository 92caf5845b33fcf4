import { type Clock, HakiriError, nearest, type Pipeline, type Source, TABLE_DEFAULTS } from '@hakiri/core';
import { type BuiltInSource, builtInSources, createSampleTransport, readSample } from '@hakiri/ingest';

export interface SourceHost {
  readonly clock: Clock;
  readonly projectFolder: string;
  readSecret(name: string): string;
  /** See `SourceContext.digestKey`. */
  readonly digestKey?: Uint8Array | undefined;
  /** Told what the user should know of the source as a whole, a wait long enough to wonder for example. */
  onNote(message: string): void;
}

const WORTH_TELLING_MS = 2000;

/** @throws HakiriError manifest.wrong_type for a connector that does not exist, source.config */
export function createSource(
  pipeline: Pipeline,
  { clock, projectFolder, readSecret, digestKey, onNote }: SourceHost,
): Source {
  const isSample = pipeline.source.connector === 'github' && pipeline.source.config.sample === true;
  return connectorOf(pipeline).create(pipeline.source.config, {
    clock,
    secrets: pipeline.secrets,
    secret: (name) => {
      if (pipeline.secrets.includes(name)) return readSecret(name);
      throw new HakiriError('secret.missing', `Pipeline ${pipeline.id} does not list the secret ${name}`, {
        hint: `Add it: secrets = ["${name}"].`,
      });
    },
    allowHosts: pipeline.allowHosts,
    incremental: pipeline.incremental,
    lookbackMs: pipeline.lookbackMs,
    tables: (pipeline.tables ?? []).map(({ source, incremental, mode, maxRecordBytes, columns }) => ({
      source,
      incremental,
      mode,
      maxRecordBytes,
      redacted: columns.filter(({ onWrite }) => onWrite !== undefined).map(({ name }) => name),
    })),
    digestKey,
    maxRecordBytes: TABLE_DEFAULTS.maxRecordBytes,
    projectFolder,
    random: Math.random,
    log: (event) => {
      if (event.kind !== 'waiting' || event.waitMs < WORTH_TELLING_MS) return;
      onNote(`${event.address}: waiting ${Math.round(event.waitMs / 1000)} s (${event.why})`);
    },
    warn: ({ message }) => onNote(`${pipeline.id}: ${message}`),
    ...(isSample ? { transport: createSampleTransport(readSample) } : {}),
  });
}

export function connectorOf(pipeline: Pipeline): BuiltInSource {
  const { connector } = pipeline.source;
  const known: Readonly<Record<string, BuiltInSource>> = builtInSources;
  const found = Object.hasOwn(known, connector) ? known[connector] : undefined;
  if (found) return found;
  const names = Object.keys(known);
  const near = nearest(connector, names);
  throw new HakiriError(
    'manifest.wrong_type',
    `Pipeline ${pipeline.id} names the connector "${connector}", which does not exist`,
    {
      hint: near === undefined ? `There are: ${names.join(', ')}.` : `Did you mean "${near}"?`,
    },
  );
}
