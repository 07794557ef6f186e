import type { Reporter, TestModule } from 'vitest/node';
import { claimed, rows, targetNames, type Standing } from './table.ts';

const marks: Readonly<Record<Standing, string>> = { holds: '=', differs: '~', fails: 'X', 'not run': '' };

/** Prints a table of cases and targets at the end of a run. */
export default class TableReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const passed = new Map<string, boolean>();
    for (const module of modules) {
      for (const test of module.children.allTests()) passed.set(test.fullName, test.ok());
    }
    const standing = (row: (typeof rows)[number], target: (typeof targetNames)[number]): Standing => {
      const ok = passed.get(`${target} > ${row.service} > ${row.name}`);
      if (ok === undefined) return 'not run';
      return ok ? claimed(row, target) : 'fails';
    };
    const width = Math.max(...rows.map(({ service, name }) => `${service}: ${name}`.length));
    const columns = targetNames.filter((target) => rows.some((row) => standing(row, target) !== 'not run'));
    const line = (first: string, cells: readonly string[]): string =>
      `${first.padEnd(width)}  ${cells.map((cell, index) => cell.padEnd(columns[index]?.length ?? 0)).join('  ')}`;
    const lines = rows
      .map((row) => ({ row, cells: columns.map((target) => marks[standing(row, target)]) }))
      .filter(({ cells }) => cells.some((cell) => cell !== ''))
      .map(({ row, cells }) => line(`${row.service}: ${row.name}`, cells));
    const legend = '= as the contract says, ~ otherwise as docs/internals/contract.md says, X neither';
    process.stdout.write(['', line(legend, columns), ...lines, ''].join('\n').replace(/ +$/gm, ''));
    process.stdout.write('\n');
  }
}
