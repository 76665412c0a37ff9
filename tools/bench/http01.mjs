// Sets the responses of the web server that Pebble asks. It is the same for both clients, and as
// cheap as possible, because its cost is part of their figures.
import { Agent, request } from 'node:http';

export function http01(managementUrl) {
  const agent = new Agent({ keepAlive: true });
  const post = (path, body) =>
    new Promise((resolve, reject) => {
      const text = JSON.stringify(body);
      const sent = request(
        `${managementUrl}/${path}`,
        { method: 'POST', agent, headers: { 'content-length': Buffer.byteLength(text) } },
        (answer) => {
          answer
            .resume()
            .once('end', () =>
              answer.statusCode === 200
                ? resolve()
                : reject(new Error(`${path} was answered with ${answer.statusCode}`)),
            );
        },
      );
      // The server may close an idle connection at the moment in which it is used again.
      sent
        .once('error', (error) =>
          sent.reusedSocket && error.code === 'ECONNRESET'
            ? post(path, body).then(resolve, reject)
            : reject(error),
        )
        .end(text);
    });
  return {
    add: (token, content) => post('add-http01', { token, content }),
    remove: (token) => post('del-http01', { token }),
    close: () => agent.destroy(),
  };
}
