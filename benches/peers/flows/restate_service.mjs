// A handler of three durable steps with Restate's SDK.
import * as restate from "@restatedev/restate-sdk";

const steps = restate.service({
  name: "steps",
  handlers: {
    run: async (ctx, n) => {
      const a = await ctx.run("a", () => n + 1);
      const b = await ctx.run("b", () => a + 1);
      return await ctx.run("c", () => b + 1);
    },
  },
});

restate.serve({ services: [steps], port: Number(process.argv[2]) });
