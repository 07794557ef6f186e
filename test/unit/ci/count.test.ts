import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, expect, it } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'count-'));
afterAll(() => rmSync(folder, { recursive: true }));

function count(report: object, exitCode: number): string {
  const file = join(folder, 'report.json');
  writeFileSync(file, JSON.stringify(report));
  return execFileSync('node', ['.ci/count.mjs', file, String(exitCode)], { encoding: 'utf8' });
}

const passed = { status: 'passed', fullName: 'pulls an image' };
const failed = { status: 'failed', fullName: 'renews\n  a token' };

it('counts the tests of a report, and names each that failed on a line', () => {
  const report = {
    numPassedTests: 2,
    numFailedTests: 1,
    testResults: [{ assertionResults: [passed, failed] }, { assertionResults: [passed] }],
  };
  expect(count(report, 1)).toBe('2 1\n  renews a token\n');
});

it('names a file that failed before its first test', () => {
  const skipped = { status: 'skipped', fullName: 'waits' };
  const testResults = [{ name: resolve('test/a.test.ts'), status: 'failed', assertionResults: [skipped] }];
  expect(count({ numPassedTests: 0, numFailedTests: 0, testResults }, 1)).toBe('0 1\n  test/a.test.ts\n');
});

it('counts a failure when the run ended badly after its tests had passed, or ran none', () => {
  const report = { numPassedTests: 1, numFailedTests: 0, testResults: [{ assertionResults: [passed] }] };
  expect(count(report, 0)).toBe('1 0\n');
  expect(count(report, 124)).toBe('1 1\n');
  expect(count({ numPassedTests: 0, numFailedTests: 0, testResults: [] }, 0)).toBe('0 1\n');
});
