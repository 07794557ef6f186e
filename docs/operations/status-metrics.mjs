// Converts the output of `ecr-bootstrap status -o json` on standard input to metrics for Prometheus on standard output.
import { readFileSync } from 'node:fs';

const { status } = JSON.parse(readFileSync(0, 'utf8'));
const findings = status.steps.flatMap((step) => step.findings);
const tokens = new Map(
  findings
    .filter(({ secondsLeft }) => secondsLeft !== undefined)
    .map(({ target, secondsLeft }) => [target.name, secondsLeft]),
);
const count = (level) => findings.filter((finding) => finding.level === level).length;

console.log(`# TYPE ecr_bootstrap_status_time_seconds gauge
ecr_bootstrap_status_time_seconds ${Math.floor(Date.now() / 1000)}
# TYPE ecr_bootstrap_healthy gauge
ecr_bootstrap_healthy ${status.healthy ? 1 : 0}
# TYPE ecr_bootstrap_findings gauge
${['failed', 'unknown', 'warning'].map((level) => `ecr_bootstrap_findings{level="${level}"} ${count(level)}`).join('\n')}
# TYPE ecr_bootstrap_token_seconds_left gauge
${[...tokens].map(([secret, left]) => `ecr_bootstrap_token_seconds_left{secret="${secret}"} ${left}`).join('\n')}`);
