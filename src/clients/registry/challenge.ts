/** The authentication that a registry requires (RFC 9110 §11, distribution's token specification). */
export type Challenge = { readonly scheme: 'none' } | { readonly scheme: 'basic' } | BearerChallenge;

/** The registry requires a token from a token service, which issues tokens for scopes. */
export interface BearerChallenge {
  readonly scheme: 'bearer';
  readonly realm: string;
  readonly service?: string;
  /** The scope that the registry requires, in its own notation. */
  readonly scope?: string;
  /** Why the registry rejected the token: `insufficient_scope`. */
  readonly error?: string;
}

/** Parses WWW-Authenticate. Prefers Bearer if both schemes are offered. Undefined if neither is offered. */
export function parseChallenge(header: string): Challenge | undefined {
  const bearer = /(?:^|[\s,])bearer\s+(.*)$/is.exec(header)?.[1];
  if (bearer !== undefined) {
    const { realm, service, scope, error } = parameters(bearer);
    if (realm !== undefined) {
      return {
        scheme: 'bearer',
        realm,
        ...(service === undefined ? {} : { service }),
        ...(scope === undefined ? {} : { scope }),
        ...(error === undefined ? {} : { error }),
      };
    }
  }
  return /(?:^|[\s,])basic(?:\s|,|$)/i.test(header) ? { scheme: 'basic' } : undefined;
}

function parameters(text: string): Readonly<Record<string, string | undefined>> {
  const found: Record<string, string> = {};
  for (const [, name, quoted, plain] of text.matchAll(
    /(?<![a-z])([a-z]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))/gi,
  )) {
    if (name === undefined) continue;
    found[name.toLowerCase()] ??= quoted?.replace(/\\(.)/g, '$1') ?? plain ?? '';
  }
  return found;
}
