/**
 * Vitest gives its conditions to `require`, too, `import` among them. `pg-pool` then gives `pg` a module in place of the
 * class that it extends. Imported before anything that reaches `pg`.
 */
import { registerHooks } from 'node:module'

registerHooks({
  resolve(specifier, context, next) {
    if (!context.conditions?.includes('require')) return next(specifier, context)
    return next(specifier, { ...context, conditions: context.conditions.filter(name => name !== 'import') })
  }
})
