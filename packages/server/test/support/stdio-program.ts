import { createMcp, serveStdio } from '../../src/index.ts';
import { fakeServices } from './fake-services.ts';

const { stdin, stdout } = process;
await serveStdio(createMcp(fakeServices()), { stdin, stdout }).closed;
