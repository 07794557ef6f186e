import { exitCodes as codes } from '../../core/errors.ts';
import type { HelpTopic } from './topic.ts';

export const exitCodes: HelpTopic = {
  name: 'exit-codes',
  title: 'Exit codes',
  sections: [
    {
      columns: ['Code', 'Meaning'],
      entries: [
        [[`${codes.done}`], 'Done, or healthy.'],
        [
          [`${codes.failed}`],
          'Failed. Some changes may have been made. Run the same command again; it resumes where it stopped.',
        ],
        [
          [`${codes.usage}`],
          'The command line, the configuration or a check before the run failed, or the confirmation is missing. Usually nothing was changed.',
        ],
        [
          [`${codes.drift}`],
          '`status` found something unhealthy, `doctor` found that `up` would fail, `why` found a cause, `images --check` found that ECR lacks an image, or `up --dry-run --exit-code` found changes.',
        ],
        [[`${codes.bug}`], 'Internal error. Please report it with the output of the same command with `-v`.'],
        [
          [`${codes.interrupted}`],
          'Interrupted by Ctrl-C or SIGTERM. Run the same command again; it resumes where it stopped.',
        ],
      ],
      notes: [
        '`ecr-bootstrap explain CODE` shows the exit code of an error. [Errors](errors.md) lists all codes.',
        '**`up` exits 1 if a single image or namespace failed.** Everything else is done, and the end of the output repeats each failure with its fix.',
        '**`status` exits 3 if a check failed or could not run.** Warnings do not count, unless you pass `--fail-on warning`. `status --wait` exits 0 when everything is healthy, and 1 when `--timeout` is reached first (default: 10 minutes).',
        '**If you answer no, the command exits 1.** Without a terminal and without `--yes`, a command that needs confirmation exits 2.',
        '**`--dry-run` exits 0** whether or not the plan is empty. With `up --dry-run --exit-code` a plan that is not empty exits 3.',
      ],
    },
  ],
};
