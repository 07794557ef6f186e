import { Argument, type Command } from 'commander';
import { type PolicyName, policyNames, printPolicy } from '../app/policy.ts';
import { examples, type Launch } from './launch.ts';

export function define(command: Command, launch: Launch): void {
  command
    .addArgument(new Argument('<name>', 'which document').choices(policyNames))
    .action((name: PolicyName) => launch(command, (session) => printPolicy(session, name)));
  examples(command, [
    ['ecr-bootstrap policy first-run', 'IAM policy that suffices for a first up'],
    ['ecr-bootstrap policy cluster', 'ClusterRole for the kubeconfig that up uses'],
  ]);
}
