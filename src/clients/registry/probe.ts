import { connect } from 'node:tls';

/** Milliseconds. */
const patience = 5_000;

/** Whether a host answers a TLS handshake. No request is sent; the certificate is judged later, by the requests. */
export function speaksTls(host: string): Promise<boolean> {
  const { hostname, port } = new URL(`https://${host}`);
  return new Promise((resolve) => {
    const socket = connect({
      host: hostname.replace(/^\[|\]$/g, ''),
      port: Number(port || 443),
      rejectUnauthorized: false,
      // Nobody is to be trusted here; to parse Node's authorities takes 20 ms.
      ca: [],
    });
    const end = (answer: boolean) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    // Not the socket's own timeout: each byte restarts that.
    const timer = setTimeout(() => end(false), patience);
    socket.once('secureConnect', () => end(true));
    socket.once('error', () => end(false));
  });
}
