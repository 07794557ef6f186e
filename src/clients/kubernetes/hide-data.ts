import { Secret } from '../../core/secret.ts';

/** What a Secret holds, and how an error of the API server may repeat it: makes the redactor know both. */
export function hideData(object: unknown): void {
  const { kind, data, stringData } = (object ?? {}) as {
    kind?: unknown;
    data?: Readonly<Record<string, unknown>>;
    stringData?: Readonly<Record<string, unknown>>;
  };
  if (kind !== 'Secret') return;
  for (const value of Object.values({ ...data, ...stringData }))
    if (typeof value === 'string') new Secret(value);
}
