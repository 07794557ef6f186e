import type { Command } from 'commander';
import { environment } from './environment.ts';
import { exitCodes } from './exit-codes.ts';
import type { HelpTopic } from './topic.ts';

/** The pages of `help` that are not about one command. */
export const helpTopics = (root: Command): readonly HelpTopic[] => [flags(root), environment, exitCodes];

const flags = ({ options }: Command): HelpTopic => ({
  name: 'flags',
  title: 'Global flags, before or after the name of a command',
  sections: [{ entries: options.map((option) => [[option.flags], option.description]) }],
});
