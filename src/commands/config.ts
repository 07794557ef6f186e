import type { Command } from 'commander';
import { showConfig } from '../run/config.ts';
import { examples, type Launch } from './launch.ts';

export function define(command: Command, launch: Launch): void {
  command.action(() => launch(command, (session) => showConfig(session)));
  examples(command, [['ecr-bootstrap config', 'each value and where it comes from']]);
}
