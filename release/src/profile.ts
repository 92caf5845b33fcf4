import type { PlatformName } from './platform.ts';

/** What is released; each has an entry point of the command line of the same name. */
export const PROFILES = ['core', 'full'] as const;
export type ReleaseProfile = (typeof PROFILES)[number];

/** What the program is called when it is installed. */
export function programName(profile: ReleaseProfile): string {
  return profile === 'full' ? 'hakiri' : `hakiri-${profile}`;
}

/** What the files of a release are called: its program, or its zip without `.zip`. */
export function releaseName(profile: ReleaseProfile, platform: PlatformName): string {
  return platform === 'linux-x64' ? programName(profile) : `${programName(profile)}-${platform}`;
}
