import assert from 'node:assert/strict';
import { once } from 'node:events';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ROOT } from '../src/paths.ts';
import { emptyFolder, releasedProgram } from './support/released.ts';
import { analyze, bootSystemd, type Machine, noSystemd, UNITS } from './support/systemd.ts';

const UNIT = 'hakiri@demo.service';
const FOLDER = '/var/lib/hakiri/demo';
const SECRET = 'a-token-of-the-shop';
/** As systemd 252 weighs it; what is left is for the internet and for a runtime that compiles. */
const MOST_EXPOSED = 1.0;

const missing = noSystemd();
const needsSystemd = missing === undefined ? {} : { skip: `SKIPPED: ${missing}` };

/** A list that never ends, a page of one row each time, for those who know the secret. */
async function slowShop(t: TestContext, delayMs: number) {
  const pages: number[] = [];
  const server = createServer((request, response) => {
    if (request.headers.authorization !== `Bearer ${SECRET}`) {
      response.writeHead(401).end();
      return;
    }
    const page = Number(new URL(request.url ?? '', 'http://shop').searchParams.get('page'));
    pages.push(page);
    const answer = () => response.end(JSON.stringify([{ id: page, version: page }]));
    setTimeout(answer, pages.length === 1 ? 0 : delayMs);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.closeAllConnections());
  t.after(() => server.close());
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}`, pages };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

const manifest = (host: string): string => `[project]
name = "demo"

[[pipeline]]
id = "shop"
secrets = ["SHOP_TOKEN"]
allow_hosts = ["${host}"]
schedule = "every 1h"

  [pipeline.source]
  connector = "http"

  [pipeline.source.config]
  base_url = "http://${host}"
  auth = { type = "bearer", token = "SHOP_TOKEN" }

  [[pipeline.source.config.resources]]
  name = "orders"
  path = "/orders"
  primary_key = "id"
  pagination = { type = "page", size_param = "per_page", size = 1 }
  incremental = { column = "version", param = "since", format = "raw", order = "ascending" }

  [[pipeline.tables]]
  source = "orders"
  name = "orders"
  commit_every = "1 rows"
`;

/** Commands of the page below a heading. */
function commandsOf(heading: string): string {
  const page = readFileSync(join(ROOT, 'docs/running-as-a-service.md'), 'utf8');
  const below = page.slice(page.indexOf(`\n## ${heading}\n`));
  const [, commands = ''] = /^```sh\n([\s\S]*?)^```$/m.exec(below) ?? [];
  return commands;
}

/** What the page has readers do to set a service up, but for starting it. */
function setUp(): string {
  const commands = commandsOf('Setting it up');
  assert.match(commands, /^systemctl enable --now hakiri@demo$/m);
  return commands.replace('enable --now', 'enable');
}

/** A machine on which a project waits to be served. */
async function projectMachine(t: TestContext, toml: string, settings = '') {
  const machine = await bootSystemd(t, releasedProgram('full'));
  const port = await freePort();
  machine.done(`
    cd /run/release
    cat > hakiri.toml <<'TOML'\n${toml}\nTOML
    ${setUp()}
    mkdir -p /etc/hakiri /etc/systemd/system/hakiri@.service.d
    echo 'SERVE_FLAGS=--port=${port}' > /etc/hakiri/demo.env
    printf '%s' ${SECRET} | systemd-creds encrypt --with-key=host --name=SHOP_TOKEN - /etc/hakiri/shop.cred
    cat > /etc/systemd/system/hakiri@.service.d/test.conf <<'CONF'
[Service]
LoadCredentialEncrypted=SHOP_TOKEN:/etc/hakiri/shop.cred
${settings}
CONF
    systemctl daemon-reload`);
  return { machine, origin: `http://127.0.0.1:${port}` };
}

const show = ({ done }: Machine, property: string): string =>
  done(`systemctl show --property=${property} --value ${UNIT}`).trim();

const logOf = ({ done }: Machine): string => done(`journalctl --no-pager -o cat -u ${UNIT}`);

async function until(holds: () => boolean, what: () => string): Promise<void> {
  for (const deadline = performance.now() + 20_000; !holds(); await sleep(100))
    assert.ok(performance.now() < deadline, what());
}

test('systemd knows every setting of the units, and how little they expose', (t) => {
  const folder = emptyFolder(t);
  const unit = join(folder, 'hakiri@.service');
  for (const [name, ...whose] of [['hakiri@.service'], ['hakiri-user@.service', '--user']] as const) {
    // It looks for the programs that are started.
    const text = readFileSync(join(UNITS, name), 'utf8');
    writeFileSync(unit, text.replace('ExecStart=/usr/local/bin/hakiri', 'ExecStart=/bin/true'));
    const verified = analyze(folder, ...whose, 'verify', '--man=no', unit);
    if (verified === undefined) return t.skip('SKIPPED: systemd is not installed');
    // Since systemd 254; before, it starts again after the same time always.
    const later = /Unknown key 'Restart(Steps|MaxDelaySec)'/;
    const said = verified.stderr.split('\n').filter((line) => line !== '' && !later.test(line));
    assert.deepEqual(said, [], name);
  }
  copyFileSync(join(UNITS, 'hakiri@.service'), unit);
  const security = analyze(folder, 'security', '--offline=true', '--no-pager', unit);
  const report = security?.stdout ?? '';
  const [, exposed = ''] = /Overall exposure level for \S+: ([\d.]+)/.exec(report) ?? [];
  t.diagnostic(`exposed: ${exposed}`);
  assert.ok(exposed !== '' && Number(exposed) <= MOST_EXPOSED, report);
});

describe('under a real systemd', { concurrency: 2, ...needsSystemd }, () => {
  test('a daemon is started when it is ready, reads a credential, and stops at a commit', async (t) => {
    const DELAY_MS = 2000;
    const { host, pages } = await slowShop(t, DELAY_MS);
    // Less than a page takes: it has to ask for more.
    const { machine, origin } = await projectMachine(t, manifest(host), 'TimeoutStopSec=1s');
    machine.done(`systemctl start ${UNIT}`);
    assert.equal(await (await fetch(`${origin}/healthz`)).text(), 'ok\n');
    await until(
      () => pages.length >= 2 && /"committed"/.test(logOf(machine)),
      () => logOf(machine),
    );
    assert.equal(show(machine, 'StatusText'), 'Serving demo, running shop');
    const token = machine.done(`cat ${FOLDER}/.hakiri/keys/serve.token`).trim();
    const headers = { authorization: `Bearer ${token}` };
    assert.match(await (await fetch(`${origin}/metrics`, { headers })).text(), /^hakiri_runs_running 1$/m);

    // What the daemon sees, by what the program itself says where the daemon is.
    const main = show(machine, 'MainPID');
    const inside = (script: string): string =>
      machine.done(
        `self=$(tr '\\0' '\\n' < /proc/${main}/environ | sed -n 's/^HAKIRI_SELF=//p')
         nsenter --target ${main} --mount --root -- "$self" __node --eval "${script}" --`,
      );
    const listed =
      "console.log(JSON.stringify(['/', '/etc', '/var/lib/hakiri'].map((f) => require('fs').readdirSync(f))))";
    const [root, etc, projects] = JSON.parse(inside(listed)) as readonly (readonly string[])[];
    assert.ok(!root?.includes('home') && !root?.includes('bin'), String(root));
    assert.ok(!etc?.includes('passwd') && !etc?.includes('shadow'), String(etc));
    assert.deepEqual(projects, ['demo']);
    const mounts = machine.done(`cat /proc/${main}/mountinfo`);
    for (const path of ['/', FOLDER, '/tmp', '/var/tmp', '/dev/shm'])
      assert.match(mounts, new RegExp(` ${path} \\S*noexec`), path);
    assert.match(mounts, / \/ ro,/);
    const status = machine.done(`cat /proc/${main}/status`);
    for (const line of [/^CapEff:\s+0+$/m, /^CapBnd:\s+0+$/m, /^NoNewPrivs:\s+1$/m, /^Seccomp:\s+2$/m])
      assert.match(status, line);

    // The shop has to answer meanwhile.
    machine.done(`systemctl stop --no-block ${UNIT}`);
    await until(
      () => show(machine, 'ActiveState') === 'inactive',
      () => logOf(machine),
    );
    assert.equal(show(machine, 'Result'), 'success');
    assert.equal(show(machine, 'ExecMainStatus'), '0');
    const log = logOf(machine);
    assert.match(log, /"state":"interrupted","rows":[1-9]/);
    assert.ok(!log.includes(SECRET) && !log.includes(token), 'a secret is in the journal');
    assert.doesNotMatch(log, /SIGKILL|timed out/);
    const query = `hakiri query --project ${FOLDER} --format csv "select count(*) as n from orders"`;
    const committed = [...log.matchAll(/"rows":(\d+),.*"msg":"committed"/g)].map(([, rows]) => Number(rows));
    assert.ok(committed.length >= 2, 'what was under way was committed, too');
    const kept = machine.done(`cd / && HOME=/var/lib/hakiri runuser -u hakiri -- ${query}`).split(/\r?\n/)[1];
    assert.equal(
      Number(kept),
      committed.reduce((sum, rows) => sum + rows, 0),
    );
    const nodes = machine.done(`ls ${FOLDER}/.hakiri/audit`).trim().split('\n');
    assert.equal(nodes.length, 1, 'whoever asks there as its user is the same node');
  });

  test('a daemon that hangs is started again', async (t) => {
    const toml = `[project]
name = "demo"

[[pipeline]]
id = "people"
source = { connector = "file", config = { path = "/srv/exports/people.ndjson" } }
tables = [{ source = "people", name = "people", primary_key = ["id"] }]
schedule = "every 1h"
`;
    const closed = ['IPAddressDeny=any', 'IPAddressAllow=localhost', 'BindReadOnlyPaths=/srv/exports'];
    const settings = ['WatchdogSec=1s', 'RestartSec=100ms', ...closed];
    const { machine, origin } = await projectMachine(t, toml, settings.join('\n'));
    machine.done(
      `mkdir /srv/exports; echo '{"id": 1}' > /srv/exports/people.ndjson; systemctl start ${UNIT}`,
    );
    await until(
      () => /"state":"done","rows":1/.test(logOf(machine)),
      () => logOf(machine),
    );
    const before = show(machine, 'MainPID');
    await sleep(2500);
    assert.equal(show(machine, 'NRestarts'), '0', 'one that does not hang goes on');
    machine.done(`kill -STOP ${before}`);
    await until(
      () => show(machine, 'NRestarts') === '1' && show(machine, 'ActiveState') === 'active',
      () => logOf(machine),
    );
    assert.match(logOf(machine), /Watchdog timeout/);
    assert.notEqual(show(machine, 'MainPID'), before);
    assert.equal(await (await fetch(`${origin}/healthz`)).text(), 'ok\n');
  });

  test('what no new start would mend is not started again', async (t) => {
    const { machine } = await projectMachine(t, 'this is no manifest', 'RestartSec=100ms');
    assert.notEqual(machine.sh(`systemctl start ${UNIT}`).code, 0);
    await sleep(500);
    assert.equal(show(machine, 'NRestarts'), '0');
    assert.equal(show(machine, 'ExecMainStatus'), '2');
    assert.match(logOf(machine), /error\[manifest\.syntax\]/);
  });

  test("a user's own systemd runs it without root", async (t) => {
    const { done } = await bootSystemd(t, releasedProgram('full'));
    const port = await freePort();
    const commands = commandsOf('Without root');
    assert.match(commands, /^loginctl enable-linger$/m);
    const state = done(`
      useradd --create-home --home-dir /var/ada ada
      id=$(id -u ada)
      install -d -o ada -m 700 /run/user /run/user/$id
      mkdir /sys/fs/cgroup/ada
      chown -R ada: /sys/fs/cgroup/ada
      cat > /run/as-ada <<'SH'
export HOME=/var/ada XDG_RUNTIME_DIR=/run/user/$(id -u)
cd /run/release
exec "$@"
SH
      as_ada() { setpriv --reuid ada --regid ada --clear-groups sh /run/as-ada "$@"; }
      (echo 0 > /sys/fs/cgroup/ada/cgroup.procs; as_ada /lib/systemd/systemd --user) > /run/ada.log 2>&1 &
      until as_ada systemctl --user is-system-running | grep -q running; do sleep 0.05; done
      as_ada sh -ec '
        install -D -m 755 hakiri ~/.local/bin/hakiri
        mkdir -p ~/demo ~/.config/hakiri
        printf "[project]\\nname = \\"demo\\"\\n" > ~/demo/hakiri.toml
        echo SERVE_FLAGS=--port=${port} > ~/.config/hakiri/$(systemd-escape --path ~/demo).env
        ${commands.replace('loginctl enable-linger', '')}'
      as_ada systemctl --user show --property=ActiveState,StatusText "hakiri@var-ada-demo"
      cat /proc/$(as_ada systemctl --user show --property=MainPID --value hakiri@var-ada-demo)/status`);
    assert.match(state, /^ActiveState=active$/m);
    assert.match(state, /^StatusText=Serving demo$/m);
    assert.match(state, /^NoNewPrivs:\s+1$/m);
    assert.equal(await (await fetch(`http://127.0.0.1:${port}/healthz`)).text(), 'ok\n');
  });
});
