import { BUILT_IN_DIMS, BUILT_IN_MODEL } from '../index-spec.ts';
import { nearest } from '../suggest.ts';
import type { RawEmbedding } from './embedding-schema.ts';
import type { RawManifest } from './manifest-schema.ts';
import { EMBEDDING_DEFAULTS, type EmbeddingSpec } from './model.ts';
import type { Problem } from './problem.ts';
import { parseDurationMs } from './units.ts';

interface Shaped {
  readonly file: string;
  readonly shape: RawManifest;
}

interface Defined {
  readonly file: string;
  readonly raw: RawEmbedding;
}

/** A vector index that names a model, or leaves it to the built-in one. */
interface Use {
  readonly file: string;
  readonly place: string;
  readonly model: string;
  readonly dim: number | undefined;
}

export interface Models {
  readonly embeddings: readonly EmbeddingSpec[];
  /** Of every model that an index may name. */
  readonly dims: ReadonlyMap<string, number>;
  readonly problems: readonly Problem[];
}

/** The models of all files. Section and indexes agree about how long a model's vectors are, and one of them says it. */
export function readEmbeddings(files: readonly Shaped[]): Models {
  const problems: Problem[] = [];
  const defined = definitions(files, problems);
  const dims = new Map([[BUILT_IN_MODEL, BUILT_IN_DIMS]]);
  for (const [model, { raw }] of defined) if (raw.dim !== undefined) dims.set(model, raw.dim);
  for (const use of files.flatMap(usesIn)) {
    const known = dims.get(use.model);
    if (known === undefined && !defined.has(use.model)) problems.push(unknownModel(use, [...defined.keys()]));
    else if (known === undefined && use.dim !== undefined) dims.set(use.model, use.dim);
    else if (use.dim !== undefined && use.dim !== known) problems.push(otherDims(use, known));
  }
  for (const [model, { file }] of defined) {
    if (!dims.has(model)) {
      const message = 'is missing: expected how many numbers a vector of the model has, such as 1024';
      problems.push({ code: 'manifest.wrong_type', file, place: `embedding > ${model} > dim`, message });
    }
  }
  const embeddings = [...defined].map(([model, { raw }]) => toSpec(model, raw, dims.get(model) ?? 0));
  return { embeddings, dims, problems };
}

function definitions(files: readonly Shaped[], problems: Problem[]): ReadonlyMap<string, Defined> {
  const defined = new Map<string, Defined>();
  for (const { file, shape } of files) {
    for (const [model, raw] of Object.entries(shape.embedding ?? {})) {
      const refuse = (message: string): void => {
        problems.push({ code: 'manifest.wrong_type', file, place: `embedding > ${model}`, message });
      };
      const other = defined.get(model);
      if (model === BUILT_IN_MODEL) refuse('this model is built in and needs no section');
      else if (other !== undefined) refuse(`the model is defined in ${other.file} and in ${file}`);
      else defined.set(model, { file, raw });
    }
  }
  return defined;
}

function usesIn({ file, shape }: Shaped): readonly Use[] {
  return (shape.pipeline ?? []).flatMap(({ id, tables }) =>
    (tables ?? []).flatMap((table, i) =>
      Object.entries(typeof table === 'string' ? {} : (table.indexes ?? {})).flatMap(([name, index]) =>
        index.kind === 'fts'
          ? []
          : {
              file,
              place: `pipeline "${id}" > tables[${i}] > indexes > ${name}`,
              model: index.model ?? BUILT_IN_MODEL,
              dim: index.dim,
            },
      ),
    ),
  );
}

function unknownModel({ file, place, model }: Use, defined: readonly string[]): Problem {
  const meant = nearest(model, [...defined, BUILT_IN_MODEL]);
  const question = meant === undefined ? '' : `; did you mean "${meant}"?`;
  return {
    code: 'embedding.unknown_model',
    file,
    place: `${place} > model`,
    message: `no model "${model}" is defined${question}`,
    hint: `Add an [embedding.${JSON.stringify(model)}] section, or leave \`model\` out for the built-in one.`,
  };
}

function otherDims({ file, place, model, dim }: Use, known: number | undefined): Problem {
  const whose = model === BUILT_IN_MODEL ? 'the built-in model' : `the model "${model}"`;
  const message = `${whose} has vectors of ${known} numbers here and of ${dim} there`;
  return {
    code: 'manifest.wrong_type',
    file,
    place: `${place} > dim`,
    message: model === BUILT_IN_MODEL ? `expected ${known}, as many as ${whose} has, got ${dim}` : message,
  };
}

function toSpec(model: string, raw: RawEmbedding, dims: number): EmbeddingSpec {
  const base = {
    model,
    dims,
    batch: raw.batch ?? EMBEDDING_DEFAULTS.batch,
    queryPrefix: raw.query_prefix ?? '',
    documentPrefix: raw.document_prefix ?? '',
  };
  if (raw.folder !== undefined) return { kind: 'folder', ...base, folder: raw.folder };
  return {
    kind: 'endpoint',
    ...base,
    endpoint: raw.endpoint ?? '',
    zone: raw.zone ?? '',
    secret: raw.secret,
    timeoutMs: parseDurationMs(raw.timeout ?? '') ?? EMBEDDING_DEFAULTS.timeoutMs,
  };
}
