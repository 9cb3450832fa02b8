targetScope = 'subscription'

// declared at: name
resource group 'Microsoft.Resources/resourceGroups@2025-04-01' = {
  name: 'rg-mlops-retail-dev'
  location: 'southeastasia'
  tags: {
    owner: 'forecasting'
  }
}
