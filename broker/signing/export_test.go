package signing

import (
	"context"
	"time"
)

// Patience says how long ssh-agent may take.
type Patience struct{ List, Sign time.Duration }

// AgentKeyWithin is AgentKey with another patience.
func AgentKeyWithin(ctx context.Context, limits Patience, socket, want string) (Key, error) {
	return agentKeyWithin(ctx, patience{list: limits.List, sign: limits.Sign}, socket, want)
}
