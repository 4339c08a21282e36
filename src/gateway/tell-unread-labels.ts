import type { ContainerView } from '../contracts/containers.ts'

/** Says of each container of which not all labels are read, once: rules that ask for its labels may refuse it. */
export function tellUnreadLabels(warn: (container: string) => void) {
  let told: ReadonlySet<string> = new Set()
  return ({ containers }: Pick<ContainerView, 'containers'>) => {
    const unread = containers.filter(({ unreadLabels }) => unreadLabels === 'any')
    for (const { id, name } of unread) if (!told.has(id)) warn(name)
    told = new Set(unread.map(({ id }) => id))
  }
}
