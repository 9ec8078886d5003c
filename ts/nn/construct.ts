import type { Module } from "./module.js";

/** A module of one of the public classes from given content, which their declared constructors don't take. */
export const construct = <M extends Module>(publicClass: new (...content: never[]) => M, ...content: unknown[]): M =>
  new (publicClass as unknown as new (...content: unknown[]) => M)(...content);
