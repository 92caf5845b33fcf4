import { AS_OWNER_GRANT, type Grant, OWNER_GRANT } from '@hakiri/core';

/** Of who works at the command line: under the policies of the manifest, unless it was asked to pass them by. */
export function ownerGrant({ asOwner }: { readonly asOwner: boolean }): Grant {
  return asOwner ? AS_OWNER_GRANT : OWNER_GRANT;
}
