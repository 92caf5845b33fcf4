import { existsSync, globSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** A program or zip of a release, as `install.sh` chooses it. */
export interface Listed {
  readonly platform: string;
  readonly profile: string;
  readonly version: string;
  readonly build: string;
  readonly sizeBytes: number;
  readonly file: string;
}

export const LIST = 'RELEASE';

/** Says what each program and zip in the folder is, a line each, so that nobody has to start it to know. */
export function writeReleaseList(folder: string): void {
  const unpacked = globSync('*-unpacked', { cwd: folder }).sort();
  const listed = unpacked.flatMap((name) => listedIn(folder, name.slice(0, -'-unpacked'.length)));
  writeFileSync(join(folder, LIST), releaseList(listed));
}

export function releaseList(listed: readonly Listed[]): string {
  const lines = listed.map(({ platform, profile, version, build, sizeBytes, file }) =>
    [platform, profile, version, build, sizeBytes, file].join(' '),
  );
  return `${['hakiri-release 1', ...lines].join('\n')}\n`;
}

function listedIn(folder: string, name: string): readonly Listed[] {
  const file = [name, `${name}.zip`].find((one) => existsSync(join(folder, one)));
  if (file === undefined) return [];
  const { platform, profile, version, build } = JSON.parse(
    readFileSync(join(folder, `${name}-unpacked`, 'release.json'), 'utf8'),
  );
  return [{ platform, profile, version, build, sizeBytes: statSync(join(folder, file)).size, file }];
}
