// The same echo as a worker.
export default {
  async fetch(request) {
    return Response.json(request.method === 'POST' ? await request.json() : {});
  },
};
