import { attenuator } from '@hakiri/access/token';
import type { Clock, Pipelines, Serve } from '@hakiri/core';
import type { ServerServices } from '@hakiri/server';
import { memoryOf } from '../full/memory.ts';
import { projectGatekeeper } from '../project-tokens.ts';
import type { Project } from '../services.ts';
import { VERSION } from '../version.ts';
import { liveServe } from './live-serve.ts';

/** What agents may ask of a project that stays open. */
export function serverServices(
  project: Project,
  parts: {
    readonly clock: Clock;
    readonly pipelines: Pipelines;
    readonly serve?: Serve;
  },
): ServerServices {
  return {
    project: project.manifest.project.name,
    version: VERSION,
    serve: parts.serve ?? liveServe(project),
    memory: memoryOf(project),
    pipelines: parts.pipelines,
    runs: { find: (run) => project.findRun(run) },
    clock: parts.clock,
    gatekeeper: projectGatekeeper(project, parts.clock),
    attenuator,
    audit: project.audit.log,
  };
}
