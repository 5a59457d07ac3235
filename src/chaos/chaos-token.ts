import { createHmac, timingSafeEqual } from 'node:crypto';

const TOKEN = /^([a-z0-9-]{1,64})\.(\d{1,15})\.([0-9a-f]{64})$/;

/** The value of `X-Chaos` that admits a request to an experiment until `expiresAt`, wall clock ms. */
export function signChaosToken(secret: string, experimentId: string, expiresAt: number): string {
  const claim = `${experimentId}.${Math.floor(expiresAt)}`;
  return `${claim}.${digest(secret, claim)}`;
}

/** The experiment that a token admits to; undefined for a forged, malformed or expired one. */
export function verifyChaosToken(secret: string, token: string, wall: number): string | undefined {
  const [, experimentId, expiresAt, signature] = TOKEN.exec(token) ?? [];
  if (experimentId === undefined || expiresAt === undefined || signature === undefined) return undefined;
  const expected = digest(secret, `${experimentId}.${expiresAt}`);
  if (!timingSafeEqual(Buffer.from(signature), Buffer.from(expected))) return undefined;
  return wall < Number(expiresAt) ? experimentId : undefined;
}

function digest(secret: string, claim: string): string {
  return createHmac('sha256', secret).update(claim).digest('hex');
}
