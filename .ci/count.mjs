// Prints `PASSED FAILED` of a vitest JSON report, then what failed, one per line: tests, and files outside their tests. A
// run that ended badly counts at least one failure, also when it wrote no report or when a file failed before its first
// test.
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';

const [, , file, exitCode] = process.argv;

function read() {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    console.error(`no report of the run: ${error.message}`);
    return { numPassedTests: 0, numFailedTests: 0, testResults: [] };
  }
}

const { numPassedTests, numFailedTests, testResults } = read();
const ranNothing = numPassedTests + numFailedTests === 0;
const failures = exitCode !== '0' || ranNothing ? Math.max(numFailedTests, 1) : numFailedTests;
console.log(`${numPassedTests} ${failures}`);
for (const { name, status, assertionResults } of testResults) {
  const failed = assertionResults.filter((test) => test.status === 'failed');
  for (const { fullName } of failed) console.log(`  ${fullName.replace(/\s+/g, ' ')}`);
  if (status === 'failed' && failed.length === 0) console.log(`  ${relative('.', name)}`);
}
