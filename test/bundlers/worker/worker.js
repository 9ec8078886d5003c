import { attendInBoth } from "./attend.js";
import { softmaxInSlim } from "./slim.js";

const routes = { "/api/attention": attendInBoth, "/api/slim": softmaxInSlim };

export default {
  fetch: async (request) => Response.json(await routes[new URL(request.url).pathname]()),
};
