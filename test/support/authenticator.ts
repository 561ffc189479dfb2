import * as OTPAuth from 'otpauth';

/** An authenticator app, which knows a TOTP from its URI or from the secret alone; by another hand than ours. */
export function authenticator(from: string) {
  const totp = from.startsWith('otpauth:') ? OTPAuth.URI.parse(from) : new OTPAuth.TOTP({ secret: OTPAuth.Secret.fromBase32(from) });
  if (!(totp instanceof OTPAuth.TOTP)) throw new Error('not a TOTP');
  const codeAt = (timestamp: number): string => totp.generate({ timestamp });
  return {
    totp,
    codeAt,
    code: () => codeAt(Date.now()),
    /** A code of no step near this one. */
    wrongCode: () => {
      const near = [-3, -2, -1, 0, 1, 2, 3].map((steps) => codeAt(Date.now() + steps * 30_000));
      const candidates = ['000000', '111111', '222222', '333333', '444444', '555555', '666666', '777777'];
      return candidates.find((candidate) => !near.includes(candidate)) ?? '';
    },
  };
}
