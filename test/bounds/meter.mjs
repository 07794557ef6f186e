// Loaded into the measured process before its program. Writes the process's memory use to $BOUNDS_REPORT when it
// ends.
import { writeFileSync } from 'node:fs';

const every = 20;
let buffers = 0;
const look = () => (buffers = Math.max(buffers, process.memoryUsage().arrayBuffers));
setInterval(look, every).unref();

process.on('exit', () => {
  look();
  const { maxRSS } = process.resourceUsage();
  writeFileSync(process.env.BOUNDS_REPORT, JSON.stringify({ resident: maxRSS * 1024, buffers }));
});
