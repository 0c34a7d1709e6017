"""What every HTTP door shares: credentials, problems, health; imported by tasks and upward."""
