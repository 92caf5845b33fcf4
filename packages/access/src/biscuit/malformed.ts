import { HakiriError } from '@hakiri/core';

/** @param what what is wrong with the bytes; never a part of them */
export function malformed(what: string): HakiriError {
  return new HakiriError(
    'token.invalid',
    `The token is damaged, or not of a kind that is read here: ${what}`,
  );
}

/** One message for a forged token and one of another project: nobody learns which it is. */
export function notSignedHere(): HakiriError {
  return new HakiriError('token.invalid', 'The token was not signed by this project');
}

export function tooLarge(what: string): HakiriError {
  return new HakiriError('token.too_large', `The token is too large: ${what}`);
}
