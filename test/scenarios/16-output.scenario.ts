import { describe, expect, it } from 'vitest';

import { can, openWorld } from './open-world.ts';
import { health, imagesInUse, succeed } from './site.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');

/** The forms in which a secret may be written: plain, in a Secret, in a Docker config, in a URL. */
const encodings = (secret: string) => [
  secret,
  base64(secret),
  base64(`AWS:${secret}`),
  encodeURIComponent(secret),
];

describe.runIf(can('shared world'))('the output of ecr-bootstrap in all scenarios', () => {
  const world = openWorld();

  it('contains no secret', async () => {
    await (await world).configure(imagesInUse);
    await succeed(await world, 'up', '--yes', '--verbose');
    await health(await world);
    const printed = await (await world).printed();
    const secrets = await (await world).secrets();
    expect(printed).toContain('ecr-bootstrap up --yes --verbose');
    expect(secrets.length).toBeGreaterThan(10);
    expect(secrets.filter((secret) => secret.length < 20)).toEqual([]);
    const shown = secrets.filter((secret) =>
      encodings(secret).some((spelling) => printed.includes(spelling)),
    );
    expect(shown).toEqual([]);
  });
});
