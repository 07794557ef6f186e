import { Argument, type Command, Option } from 'commander';
import { type PolicyName, policyNames, printPolicy, type Subject } from '../run/policy.ts';
import { examples, type Launch } from './launch.ts';

export function define(command: Command, launch: Launch): void {
  command
    .addArgument(new Argument('<name>', 'which document').choices(policyNames))
    .addOption(new Option('--user <name>', 'bind the cluster roles to this user').conflicts('group'))
    .addOption(new Option('--group <name>', 'bind the cluster roles to this group').conflicts('user'))
    .action((name: PolicyName, subject: Subject) =>
      launch(command, (session) => printPolicy(session, name, subject)),
    );
  command.addHelpText(
    'after',
    `
What the documents amount to:
  first-run     administrator access to the AWS account, unless both users have
                a permissions boundary
  power-user    pushing images to the project, and a new access key for the
                image puller
  image-puller  pulling images of the project, and reading its own access key
  cluster       cluster-admin

Without a configuration file, placeholders stand for what is not known.`,
  );
  examples(command, [
    ['ecr-bootstrap policy first-run', 'IAM policy for the first up'],
    ['ecr-bootstrap policy cluster --user jane', 'roles and bindings of a user'],
    ['ecr-bootstrap policy cluster --group ops', 'the same for a group'],
  ]);
}
