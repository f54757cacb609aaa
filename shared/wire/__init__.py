"""What crosses HTTP between services and to integrators: shapes and their conversions."""
