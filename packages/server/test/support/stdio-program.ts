import { createDoors, createMcp, serveStdio } from '../../src/index.ts';
import { fakeServices, TOKEN } from './fake-services.ts';

const { stdin, stdout } = process;
const services = fakeServices();
const door = createDoors(services).connection({ kind: 'token', token: TOKEN });
await serveStdio(createMcp(services), { door, stdin, stdout }).closed;
