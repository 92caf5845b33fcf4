import { fetchDebian } from './debian.ts';
import { nativePackages } from './native-files.ts';
import { fetchPackage } from './packages.ts';
import type { Platform } from './platform.ts';
import { missingTools } from './tools.ts';

/** Makes sure of everything that a build for the platform takes from elsewhere. Says what cannot be had, or undefined. */
export function prepare(platform: Platform): string | undefined {
  const { node, duckdb } = nativePackages(platform);
  const { system } = platform;
  return (
    fetchPackage(duckdb) ??
    fetchPackage(node) ??
    missing(missingTools(platform)) ??
    (system.packed === 'program' ? fetchDebian(system) : undefined)
  );
}

function missing(tools: readonly string[]): string | undefined {
  return tools.length === 0 ? undefined : `${tools.join(', ')} missing here`;
}
