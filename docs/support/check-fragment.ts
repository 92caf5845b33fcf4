import { HakiriError, isHakiriError } from '@hakiri/core';
import { parseManifestText, readManifest } from '@hakiri/core/manifest';
import { builtInSources } from '@hakiri/ingest';

/** Where a piece of a manifest may belong: what stands above it, from nothing to a resource of an API. */
const ABOVE: readonly string[] = [
  '',
  '[project]\nname = "x"\n',
  '[project]\nname = "x"\n[[pipeline]]\nid = "x"\nsource = { connector = "file", config = { path = "x.csv" } }\n',
  '[project]\nname = "x"\n[[pipeline]]\nid = "x"\nsource = { connector = "file", config = { path = "x.csv" } }\n[[pipeline.tables]]\nsource = "x"\n',
  '[project]\nname = "x"\n[[pipeline]]\nid = "x"\n[pipeline.source]\nconnector = "http"\n[pipeline.source.config]\nresources = [{ name = "x", path = "/x" }]\nbase_url = "https://api.example.com"\n',
  '[project]\nname = "x"\n[[pipeline]]\nid = "x"\n[pipeline.source]\nconnector = "http"\n[pipeline.source.config]\nbase_url = "https://api.example.com"\n[[pipeline.source.config.resources]]\nname = "x"\npath = "/x"\n',
  '[project]\nname = "x"\n[[pipeline]]\nid = "x"\nsource = { connector = "file", config = { path = "x.csv" } }\n[[transforms]]\ntable = "file_x"\n',
];

/** Throws when a piece of TOML is, in no place, part of a manifest that this build takes. */
export function checkFragment(fragment: string): void {
  const problems: string[] = [];
  for (const above of ABOVE) {
    const text = `${above}${fragment}`;
    try {
      checkManifest(text);
      return;
    } catch (error) {
      if (!isHakiriError(error)) throw error;
      problems.push(error.message);
    }
  }
  throw new HakiriError('manifest.syntax', `It is part of no manifest:\n${problems.join('\n')}`);
}

/** A whole manifest, the configuration of its sources included. Throws what is wrong with it. */
export function checkManifest(text: string): void {
  parseManifestText(text, { file: 'hakiri.toml', format: 'toml' });
  for (const { id, source } of readManifest([{ file: 'hakiri.toml', text }]).pipelines) {
    const connectors: Readonly<Record<string, (typeof builtInSources)['http']>> = builtInSources;
    const parsed = connectors[source.connector]?.configSchema.safeParse(source.config);
    if (parsed?.success !== true) {
      throw new HakiriError(
        'source.config',
        `${id}: ${parsed?.error.message ?? 'there is no such connector'}`,
      );
    }
  }
}
