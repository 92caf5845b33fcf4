import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { pssMb } from './measure.ts';

export interface JobFigures<Result> {
  readonly result: Result;
  /** User and system time of the child so far, its start included. */
  readonly cpuSeconds: number;
  readonly peakMb: number;
}

/** An engine's child that is asked jobs, one after the other. */
export interface JobChild {
  ask<Result>(job: string, request: unknown): Promise<JobFigures<Result>>;
  end(): void;
}

/** Of a clock that ticks a hundred times a second. */
const TICKS_PER_SECOND = 100;

export function jobChild(bundle: string): JobChild {
  const child = spawn(process.execPath, [bundle], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, UV_THREADPOOL_SIZE: '1' },
  });
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const pid = child.pid ?? 0;
  return {
    async ask<Result>(job: string, request: unknown) {
      let peakMb = 0;
      const sampler = setInterval(() => {
        peakMb = Math.max(peakMb, pssMb(pid));
      }, 20);
      child.stdin.write(`${JSON.stringify({ id: 1, op: 'job', job, request })}\n`);
      const { value = '' } = await answers.next();
      clearInterval(sampler);
      const reply = JSON.parse(value) as {
        readonly ok: Result;
        readonly error?: { readonly message: string };
      };
      if (reply.error) throw new Error(reply.error.message);
      return { result: reply.ok, cpuSeconds: cpuOf(pid), peakMb };
    },
    end: () => void child.stdin.end(),
  };
}

function cpuOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}
