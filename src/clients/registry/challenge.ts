/** How a registry wants to be convinced (RFC 9110 §11, distribution's token specification). */
export type Challenge = { readonly scheme: 'none' } | { readonly scheme: 'basic' } | BearerChallenge;

/** A token service gives tokens for scopes. */
export interface BearerChallenge {
  readonly scheme: 'bearer';
  readonly realm: string;
  readonly service?: string;
  /** What the registry wants a token for, in its own words. */
  readonly scope?: string;
  /** What was wrong with the token that was sent: `insufficient_scope`. */
  readonly error?: string;
}

/** Reads WWW-Authenticate. Bearer is preferred where both are offered; undefined when neither is. */
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
