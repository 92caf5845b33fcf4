import { z } from 'zod';
import { secretName } from '../toolkit/secret-name.ts';

const repoName = z.string().regex(/^[A-Za-z0-9_.-]+\/[A-Za-z0-9_.-]+$/, 'must be "owner/name"');

export const githubConfigSchema = z.strictObject({
  repo: z
    .union([repoName, z.array(repoName).min(1)])
    .describe('Repository to read, `owner/name`, or several.')
    .optional(),
  base_url: z
    .string()
    .describe(
      'Address of the API; of GitHub Enterprise Server for example `https://github.example.com/api/v3`.',
    )
    .default('https://api.github.com'),
  token: secretName
    .describe('Secret that is the token. Default: GITHUB_TOKEN, if the pipeline lists it in `secrets`.')
    .optional(),
  sample: z
    .boolean()
    .describe('Reads the sample that comes with Hakiri instead of the network.')
    .default(false),
});

export type GithubConfig = z.output<typeof githubConfigSchema>;
