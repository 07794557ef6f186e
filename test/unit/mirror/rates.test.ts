import { expect, it } from 'vitest';
import { ecrRates, leastTimeText } from '../../../src/mirror/rates.ts';

it('reports the least time for manifests at the rate that limits them, when it takes several seconds', () => {
  expect(ecrRates['put-manifest']).toBe(10);
  expect(leastTimeText(200, 'images')).toBe(
    '200 images take at least 20 s: ECR accepts 10 manifests a second',
  );
  expect(leastTimeText(50, 'images')).toMatch('at least 5 s');
  expect(leastTimeText(49, 'images')).toBeUndefined();
});
