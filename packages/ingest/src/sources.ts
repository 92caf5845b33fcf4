import type { Source, TableInfo } from '@hakiri/core';
import type { z } from 'zod';
import { fileConfigSchema } from './file/config.ts';
import { createFileSource, describeFileTables } from './file/file-source.ts';
import { githubConfigSchema } from './github/config.ts';
import { createGithubSource, describeGithubTables } from './github/github-source.ts';
import { buildResources } from './http/build-resources.ts';
import { httpConfigSchema } from './http/config.ts';
import { createHttpSource, describeResource } from './http/http-source.ts';
import { parseConfig } from './toolkit/parse-config.ts';
import type { SourceContext } from './toolkit/source-context.ts';

/** What is known of a source before it is connected to anything. */
export interface BuiltInSource {
  readonly version: string;
  /** One sentence for people. */
  readonly description: string;
  /** For the manifest reference; each key is described. */
  readonly configSchema: z.ZodType;
  create(config: unknown, context: SourceContext): Source;
  /** The tables of a configuration, without secrets and without a request. Throws source.config. */
  describeTables(config: unknown, context: TableSettingsContext): readonly TableInfo[];
}

export type TableSettingsContext = Pick<SourceContext, 'tables' | 'incremental' | 'lookbackMs'>;

const VERSION = '0.1.0';

export const builtInSources: Readonly<Record<'http' | 'github' | 'file', BuiltInSource>> = {
  http: {
    version: VERSION,
    description: 'A REST API, described by the manifest.',
    configSchema: httpConfigSchema,
    create: createHttpSource,
    describeTables: (config, context) =>
      [...buildResources(parseConfig(httpConfigSchema, config, 'http'), context).values()].map(
        describeResource,
      ),
  },
  github: {
    version: VERSION,
    description: 'Issues, pull requests, comments, reviews, commits and releases of GitHub repositories.',
    configSchema: githubConfigSchema,
    create: createGithubSource,
    describeTables: (config) => describeGithubTables(parseConfig(githubConfigSchema, config, 'github')),
  },
  file: {
    version: VERSION,
    description: 'NDJSON, JSON, CSV and Parquet files on this machine.',
    configSchema: fileConfigSchema,
    create: createFileSource,
    describeTables: (config, context) =>
      describeFileTables(parseConfig(fileConfigSchema, config, 'file'), context),
  },
};
