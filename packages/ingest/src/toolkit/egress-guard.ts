import { lookup as systemLookup } from 'node:dns/promises';
import type { LookupFunction } from 'node:net';
import { HakiriError } from '@hakiri/core';
import ipaddr from 'ipaddr.js';

export interface ResolvedAddress {
  readonly address: string;
  readonly family: number;
}

export type Resolve = (hostname: string) => Promise<readonly ResolvedAddress[]>;

/** Keeps requests away from addresses that are not on the public internet, unless the manifest names the host. */
export interface EgressGuard {
  /** Scheme, user part and literal addresses; throws source.host_refused. Names are checked while connecting. */
  checkUrl(url: URL): void;
  /** A lookup that returns checked addresses only; for `net.connect`. */
  lookupFor(hostname: string, port: number | undefined): LookupFunction;
  /** Whether the manifest names this host. */
  allows(url: URL): boolean;
}

export interface EgressGuardOptions {
  readonly allowHosts: readonly string[];
  /** All addresses of a name; the system's resolver unless given. */
  readonly resolve?: Resolve;
}

const resolveAll: Resolve = (hostname) => systemLookup(hostname, { all: true });

export function createEgressGuard(options: EgressGuardOptions): EgressGuard {
  const resolve = options.resolve ?? resolveAll;
  const allowed = new Set(options.allowHosts.map(normalisedHost));
  const isAllowed = (hostname: string, port: number | undefined): boolean => {
    const host = normalisedHost(hostname);
    return allowed.has(host) || (port !== undefined && allowed.has(`${host}:${port}`));
  };

  return {
    allows: (url) => isAllowed(url.hostname, portOf(url)),
    checkUrl(url) {
      if (url.protocol !== 'https:' && url.protocol !== 'http:') {
        throw refused(url.hostname, `only http and https are allowed, not ${url.protocol.slice(0, -1)}`);
      }
      if (url.username !== '' || url.password !== '') {
        throw refused(url.hostname, 'its address carries a user name', 'Use `auth` for credentials.');
      }
      const literal = stripBrackets(url.hostname);
      if (!ipaddr.isValid(literal) || isAllowed(url.hostname, portOf(url))) return;
      const reason = whyRefused(literal);
      if (reason !== undefined) throw refused(url.hostname, reason);
    },
    lookupFor(hostname, port) {
      return (_hostname, lookupOptions, callback) => {
        checkedAddresses(hostname, port).then(
          (addresses) => {
            const first = addresses[0];
            if (first === undefined) callback(noSuchHost(hostname), '', 0);
            else if (lookupOptions.all) callback(null, [...addresses]);
            else callback(null, first.address, first.family);
          },
          (error: NodeJS.ErrnoException) => callback(error, '', 0),
        );
      };
    },
  };

  async function checkedAddresses(
    hostname: string,
    port: number | undefined,
  ): Promise<readonly ResolvedAddress[]> {
    const addresses = await resolve(hostname);
    if (isAllowed(hostname, port)) return addresses;
    for (const { address } of addresses) {
      // One bad address spoils the name: which one a later connection takes is not ours to choose.
      const reason = whyRefused(address);
      if (reason !== undefined) throw refused(hostname, reason);
    }
    return addresses;
  }
}

/** Why an address is not reachable for a source; undefined when it is public. */
export function whyRefused(address: string): string | undefined {
  if (!ipaddr.isValid(address)) return 'its address is not valid';
  const parsed = ipaddr.parse(address);
  if (parsed instanceof ipaddr.IPv4) return whyRefusedIpv4(parsed);
  const range = parsed.range();
  switch (range) {
    case 'unicast':
      // Only 2000::/3 is handed out to the public internet; the rest of the space is unassigned.
      return (parsed.parts[0] ?? 0) >> 13 === 1 ? undefined : 'its address is reserved';
    case 'ipv4Mapped':
      return whyRefusedIpv4(embedded(parsed, 6));
    case '6to4':
      return whyRefusedIpv4(embedded(parsed, 1));
    case 'rfc6052':
      // 64:ff9b::/96 embeds any IPv4 address; 64:ff9b:1::/48 (RFC 8215) is for local use.
      return parsed.parts[2] === 0 ? whyRefusedIpv4(embedded(parsed, 6)) : 'its address is reserved';
    default:
      return `its address is ${WORDS[range] ?? 'reserved'}`;
  }
}

/** Answers metadata and credentials to virtual machines on Azure, from within the public range. */
const AZURE_WIRE_SERVER = '168.63.129.16';

function whyRefusedIpv4(address: ipaddr.IPv4): string | undefined {
  if (address.toString() === AZURE_WIRE_SERVER) return 'its address is a metadata service';
  const range = address.range();
  return range === 'unicast' ? undefined : `its address is ${WORDS[range] ?? 'reserved'}`;
}

const WORDS: Readonly<Record<string, string>> = {
  loopback: 'local',
  private: 'private',
  uniqueLocal: 'private',
  linkLocal: 'link-local',
  carrierGradeNat: 'private',
  multicast: 'a multicast group',
  broadcast: 'a broadcast address',
  unspecified: 'unspecified',
};

/** The IPv4 address in two of the eight parts of an IPv6 address. */
function embedded(address: ipaddr.IPv6, firstPart: number): ipaddr.IPv4 {
  const high = address.parts[firstPart] ?? 0;
  const low = address.parts[firstPart + 1] ?? 0;
  return new ipaddr.IPv4([high >> 8, high & 255, low >> 8, low & 255]);
}

/** Lower case, no trailing dot, no brackets, one spelling an address; a port stays. */
function normalisedHost(entry: string): string {
  const withPort = /^(\[[^\]]*\]|[^:]*):(\d+)$/.exec(entry.trim());
  const host = stripBrackets((withPort?.[1] ?? entry.trim()).toLowerCase()).replace(/\.$/, '');
  const canonical = ipaddr.isValid(host) ? ipaddr.parse(host).toString() : host;
  return withPort === null ? canonical : `${canonical}:${withPort[2]}`;
}

function stripBrackets(hostname: string): string {
  return hostname.startsWith('[') && hostname.endsWith(']') ? hostname.slice(1, -1) : hostname;
}

function portOf(url: URL): number {
  if (url.port !== '') return Number(url.port);
  return url.protocol === 'https:' ? 443 : 80;
}

function refused(host: string, reason: string, hint?: string): HakiriError {
  return new HakiriError('source.host_refused', `${host} was refused: ${reason}`, {
    details: { host },
    ...(hint === undefined ? {} : { hint }),
  });
}

function noSuchHost(hostname: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${hostname} has no address`), { code: 'ENOTFOUND' });
}
