export { seedOf as seedOfPrivateKey } from '../biscuit/index.ts';
export { attenuateToken, attenuator, passProofOn } from './attenuate-token.ts';
export type { BlockClaims, TokenClaims } from './claims.ts';
export {
  createGatekeeper,
  type GatekeeperOptions,
  type TokenGatekeeper,
  type VerifiedToken,
} from './gatekeeper.ts';
export { type InspectedToken, inspectToken } from './inspect-token.ts';
export { type IssuedToken, issueToken, ownerToken, type TokenRequest } from './issue-token.ts';
export { type IssuedRecord, listIssued, recordIssued } from './issued.ts';
export {
  ensureSigningKey,
  exportKeys,
  importKeys,
  readSigningKey,
  requireSigningKey,
  rotateSigningKey,
} from './key-files.ts';
export { openRevocations, type Revocation, type Revocations } from './revocations.ts';
export { parsePublicKey, type SigningKey, signingKeyOf } from './signing-key.ts';
export { thumbprintOfKeyFile } from './thumbprint.ts';
