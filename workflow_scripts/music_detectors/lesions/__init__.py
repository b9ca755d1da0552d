"""What recognition loses when units are silenced, computed from stored responses."""
