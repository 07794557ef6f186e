import { expect, it } from 'vitest';
import { configSchema } from '../../../src/config/schema.ts';
import { routeOf, sourceNaming } from '../../../src/mirror/pulled-images.ts';

const registryHost = '123456789012.dkr.ecr.eu-west-1.amazonaws.com';
const other = '999999999999.dkr.ecr.eu-west-1.amazonaws.com';
const config = configSchema.parse({ project: 'demo', aws: { region: 'eu-west-1' } });

it.each([
  ['ecr', `${registryHost}/demo/web:1`],
  ['alias', '123456789012.dkr-ecr.eu-west-1.on.aws/demo/web:1'],
  ['mirror', 'nginx:1.28'],
  ['mirror', `${other}/team/app:1`],
  ['other-ecr', '888888888888.dkr.ecr.eu-west-1.amazonaws.com/team/app:1'],
  ['internet', 'quay.io/team/app:1'],
  ['internet', 'Not An Image'],
])('finds the route %s of %s', (route, image) => {
  expect(routeOf(image, registryHost, ['docker.io', other], config)).toBe(route);
});

it.each([
  ['nginx:1.28', 'docker.io/library/nginx:1.28'],
  [`${registryHost}/demo/docker.io/library/nginx:1.28`, 'docker.io/library/nginx:1.28'],
  [`${registryHost}/demo/own:1`, `${registryHost}/demo/own:1`],
  ['Not An Image', 'Not An Image'],
])('names the source of %s', (image, source) => {
  expect(sourceNaming(registryHost, config)(image)).toBe(source);
});
